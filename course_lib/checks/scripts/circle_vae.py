"""A variational autoencoder with everything in one class, for exercise 4.4."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class CircleVAE(nn.Module):
    """Usage: model = CircleVAE(); model.train_on(images); model.generate(9)"""

    def __init__(self, pixels=784, hidden=128, latent=4, lr=2e-3):
        super().__init__()
        self.latent = latent
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.mu = nn.Linear(hidden, latent)
        self.log_var = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, pixels),
        )
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        self.history = []

    def encode(self, x):
        """Mean and log variance of each image's cloud, (B, latent) each."""
        h = self.body(x)
        return self.mu(h), self.log_var(h)

    def forward(self, x):
        mu, log_var = self.encode(x)
        std = torch.exp(0.5 * log_var)
        z = mu + std * torch.randn_like(std)
        return self.decoder(z), mu, log_var

    def loss(self, x):
        """Of an image: squared error of its pixels + KL of its whole cloud to N(0, I).

        Averaged over the batch.
        """
        x_hat, mu, log_var = self(x)
        error = (x_hat - x.flatten(1)).pow(2).sum(dim=1)
        kl = -0.5 * (1 + log_var - mu.pow(2) - log_var.exp()).sum(dim=1)
        return (error + kl).mean()

    def train_on(self, images, epochs=20, batch_size=50):
        loader = DataLoader(TensorDataset(images), batch_size=batch_size, shuffle=True)
        self.train()
        for epoch in range(1, epochs + 1):
            total = 0.0
            for (x,) in loader:
                self.optimizer.zero_grad()
                loss = self.loss(x)
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(x)
            self.history.append(total / len(images))
            if epoch % 10 == 0:
                print(f"{epoch}: {self.history[-1]:.2f}")

    @torch.no_grad()
    def generate(self, n):
        """n new images (n, pixels), from codes drawn from the prior N(0, I)."""
        self.eval()
        z = torch.randn(n, self.latent)
        return self.decoder(z)

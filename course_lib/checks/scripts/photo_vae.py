"""A convolutional VAE for colour photographs, with everything in one class, for exercise 8.5."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class PhotoVAE(nn.Module):
    """Usage: vae = PhotoVAE(); vae.run(photos, 10); vae.redraw(photos)"""

    def __init__(self, channels=3, side=28, width=16, latent=2, lr=3e-3):
        super().__init__()
        small = side // 4
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 4, stride=2, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(width * small * small, 2 * latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, 32),
            nn.ReLU(),
            nn.Linear(32, width * small * small),
            nn.ReLU(),
            nn.Unflatten(1, (width, small, small)),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        self.losses = []

    def prepare(self, photos):
        """Photos (N, H, W, C) in whole numbers 0 … 255 → the same pictures (N, C, H, W) in 0 … 1."""
        return photos.permute(0, 3, 1, 2).float() / 255

    def kl(self, mu, log_var):
        """Nats of a photo: sum over its latent numbers, mean over the batch."""
        nats = -0.5 * (1 + log_var - mu**2 - log_var.exp())
        return nats.sum(dim=1).mean()

    def run(self, photos, epochs, batch_size=32):
        loader = DataLoader(TensorDataset(self.prepare(photos)), batch_size, shuffle=True)
        self.train()
        for epoch in range(1, epochs + 1):
            total = 0.0
            for (x,) in loader:
                mu, log_var = self.encoder(x).chunk(2, dim=1)
                z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
                error = (self.decoder(z) - x).square().flatten(1).sum(dim=1).mean()
                loss = error + self.kl(mu, log_var)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(x)
            self.losses.append(total / len(photos))
            if epoch % 5 == 0:
                print(f"{epoch}: {self.losses[-1]:.2f}")

    @torch.no_grad()
    def redraw(self, photos):
        """Each photo as it comes back from its own code, without chance: (N, C, H, W) in 0 … 1."""
        self.eval()
        mu, _ = self.encoder(self.prepare(photos)).chunk(2, dim=1)
        return self.decoder(mu)

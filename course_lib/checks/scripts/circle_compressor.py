"""An autoencoder with everything in one class, for exercise 2.6."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class CircleCompressor:
    """Usage: c = CircleCompressor(images); c.run(20); c.net(images)"""

    def __init__(self, images, hidden=64, code_size=1, batch_size=50, lr=2e-3):
        train, val = self.split(images)
        self.train_loader = DataLoader(TensorDataset(train), batch_size=batch_size, shuffle=True)
        self.val_loader = DataLoader(TensorDataset(val), batch_size=batch_size)
        pixels = images[0].numel()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, code_size),
            nn.Linear(code_size, hidden),
            nn.ReLU(),
            nn.Linear(hidden, pixels),
        )
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)
        self.train_errors, self.val_errors = [], []
        self.best_error, self.best_weights = float("inf"), None

    def split(self, images, share=0.8):
        """80 % of the images to train on, the others to validate with, at random."""
        n = int(share * len(images))
        order = torch.randperm(len(images))
        return images[order[:n]], images[order[n:]]

    def error(self, batch):
        """Squared error of an image: sum over its pixels, mean over the batch."""
        x = batch.flatten(1)
        x_hat = self.net(batch)
        return ((x_hat - x) ** 2).sum(dim=-1).mean()

    def train_epoch(self):
        total = 0.0
        for (batch,) in self.train_loader:
            loss = self.error(batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(batch)
        return total / len(self.train_loader.dataset)

    @torch.no_grad()
    def validate(self):
        total = 0.0
        for (batch,) in self.val_loader:
            total += self.error(batch).item() * len(batch)
        return total / len(self.val_loader.dataset)

    def snapshot(self):
        """The weights as they are now."""
        return {name: w.clone() for name, w in self.net.state_dict().items()}

    def run(self, epochs):
        """Train; go back to the weights of the best epoch; return their error."""
        for epoch in range(1, epochs + 1):
            self.train_errors.append(self.train_epoch())
            self.val_errors.append(self.validate())
            if self.val_errors[-1] < self.best_error:
                self.best_error = self.val_errors[-1]
                self.best_weights = self.snapshot()
            if epoch % 10 == 0:
                print(f"{epoch}: {self.train_errors[-1]:.2f} {self.val_errors[-1]:.2f}")
        self.net.load_state_dict(self.best_weights)
        return self.validate()

"""A sparse denoising autoencoder with everything in one class, for exercise 10.4."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class ScanCleaner(nn.Module):
    """Usage: cleaner = ScanCleaner(); cleaner.learn(scans); cleaner.clean(noisy_scans)"""

    def __init__(self, pixels=400, atoms=64, noise=0.5, price=0.2, lr=2e-3):
        super().__init__()
        self.noise, self.price = noise, price
        self.encoder = nn.Linear(pixels, atoms)
        self.atoms = nn.Parameter(torch.randn(pixels, atoms))  # one in each column
        self.bias = nn.Parameter(torch.zeros(pixels))
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        self.history = []

    def unit_atoms(self):
        """The atoms, (pixels, atoms), each scaled to length one."""
        return F.normalize(self.atoms, dim=0)

    def encode(self, x):
        """Scans (B, pixels) → codes (B, atoms), none of them negative."""
        return torch.relu(self.encoder(x - self.bias))

    def decode(self, z):
        return z @ self.unit_atoms().T + self.bias

    def spoil(self, x):
        """The same scans with fresh noise."""
        return x + self.noise * torch.randn_like(x)

    def loss(self, x):
        """Of a clean scan, which the network gets to see spoilt: squared error + price · |code|.

        Summed over pixels and over the code, averaged over the batch.
        """
        z = self.encode(self.spoil(x))
        error = (self.decode(z) - x).square().sum(dim=1)
        return (error + self.price * z.abs().sum(dim=1)).mean()

    @torch.no_grad()
    def in_use(self, x):
        """How many numbers of a scan's code are not 0, on average over the scans."""
        return (self.encode(x) != 0).sum(dim=1).float().mean().item()

    def learn(self, scans, epochs=20, batch_size=25):
        loader = DataLoader(TensorDataset(scans), batch_size, shuffle=True)
        for epoch in range(1, epochs + 1):
            total = 0.0
            for (x,) in loader:
                loss = self.loss(x)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(x)
            self.history.append(total / len(scans))
            if epoch % 10 == 0:
                print(f"{epoch}: {self.history[-1]:.2f}, in use {self.in_use(scans):.1f}")

    @torch.no_grad()
    def clean(self, noisy):
        """Noisy scans (B, pixels) → clean ones."""
        return self.decode(self.encode(noisy))

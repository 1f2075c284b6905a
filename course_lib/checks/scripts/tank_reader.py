"""An encoder for sensors whose noise is known, for exercise 6.5."""

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset


class TankReader(nn.Module):
    """Usage: reader = TankReader([0.5, 2.0]); reader.learn(readings); reader.read(readings)

    The level z of a tank is N(0, 1). Sensor i shows z plus noise of the standard deviation noise[i].
    """

    def __init__(self, noise, lr=0.05):
        super().__init__()
        self.noise = torch.tensor(noise)
        self.heads = nn.Linear(len(noise), 2)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        self.history = []

    def encode(self, readings):
        """Readings (B, sensors) → mu and log_var of the level's cloud, (B, 1) each."""
        return self.heads(readings).chunk(2, dim=1)

    def draw(self, mu, log_var):
        """A level from each cloud N(mu, exp(log_var)), (B, 1), to be trained through."""
        return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)

    def error(self, z, readings):
        """−log p(readings | z) in nats, but for a constant: levels (B, 1) → (B,)."""
        miss = (readings - z).square() / self.noise.square()
        return 0.5 * miss.sum(dim=1)

    def kl(self, mu, log_var):
        """The KL term of the negative ELBO in nats, (B,)."""
        cloud = Normal(mu, torch.exp(0.5 * log_var))
        prior = Normal(0.0, 1.0)
        return kl_divergence(cloud, prior).sum(dim=1)

    def learn(self, readings, epochs=15, batch_size=50):
        loader = DataLoader(TensorDataset(readings), batch_size, shuffle=True)
        for epoch in range(1, epochs + 1):
            total = 0.0
            for (x,) in loader:
                mu, log_var = self.encode(x)
                loss = self.error(self.draw(mu, log_var), x) + self.kl(mu, log_var)
                self.optimizer.zero_grad()
                loss.mean().backward()
                self.optimizer.step()
                total += loss.sum().item()
            self.history.append(total / len(readings))
            if epoch % 5 == 0:
                print(f"{epoch}: {self.history[-1]:.3f}")

    @torch.no_grad()
    def read(self, readings):
        """The level and how sure it is: mean and standard deviation of the cloud, (B, 1) each."""
        mu, log_var = self.encode(readings)
        return mu, torch.exp(0.5 * log_var)

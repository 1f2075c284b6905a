"""The models, losses, data and training loop of the course."""

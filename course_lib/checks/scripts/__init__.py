"""Scripts for the exercises with unfamiliar code, as they are when nothing is wrong with them."""

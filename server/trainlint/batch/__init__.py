"""Many files: which ones, what of them is known already, and who works on them."""

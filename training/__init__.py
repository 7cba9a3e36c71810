"""PyTorch scripts that make the networks of imgconv; imgconv itself never imports them."""

"""LeNet-5 reads digits, and says what is none."""

"""Networks of 20 and 56 layers, plain and residual: which of them learn, and why."""

from .experiment import arguments, main

if __name__ == "__main__":
    main(arguments())

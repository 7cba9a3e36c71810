from .. import machine
from .train import arguments, main

if __name__ == "__main__":
    options = arguments()
    machine.start_anew()
    main(options)

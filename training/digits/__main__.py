from .train import arguments, main

if __name__ == "__main__":
    main(arguments())

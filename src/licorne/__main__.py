"""`python -m licorne` is `licorne`."""

from licorne.cli import main

if __name__ == "__main__":
    main()

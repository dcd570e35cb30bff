"""`python -m csi` is the `csi` command."""

from csi.cli import main

if __name__ == "__main__":
    main()

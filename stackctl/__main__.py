"""`python -m stackctl`, for a checkout without the entry point."""

from .app import main

if __name__ == "__main__":
    main()

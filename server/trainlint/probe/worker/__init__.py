"""What runs in the user's interpreter: Python 3.8 or newer, the standard library and the backend that it finds."""

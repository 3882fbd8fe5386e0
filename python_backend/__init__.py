"""The code behind the `model.py` files of the model repository: stages, and what they share."""

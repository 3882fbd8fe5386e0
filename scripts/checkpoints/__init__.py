"""Small made checkpoints: the architectures of the Hub in miniature, with weights that anybody can make again."""

"""One module a task: its parameters, Preprocess, Model and Postprocess, side by side."""

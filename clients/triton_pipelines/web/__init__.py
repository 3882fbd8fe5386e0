"""A page to try what a server serves, in a browser: `triton-pipelines web URL`.

fields.py and parameters.py say what there is to fill in, forms.py puts them together for a task and makes the call,
views.py says what to show of a result; components.py, tabs.py, chats.py and page.py put that on a page with Gradio, and
app.py serves it. The page asks the server through this library alone, and the browser asks nobody but the page.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported, which reads it then

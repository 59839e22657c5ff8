"""The application of app.py, whose answers also say which pod they come from."""

import os

from app import app


@app.after_request
def name(response):
    response.headers["X-Served-By"] = os.environ["POD_NAME"]
    return response

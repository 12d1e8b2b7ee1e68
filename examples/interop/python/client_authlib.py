import os

import requests
from authlib.integrations.requests_client import OAuth2Session

issuer, api_url = os.environ["ISSUER"], os.environ["API_URL"]

metadata = requests.get(f"{issuer}/.well-known/openid-configuration").json()
session = OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint=metadata["token_endpoint"],
    grant_type="client_credentials",
    scope="jobs:read",
)
session.fetch_token()
print(session.get(f"{api_url}/jobs").status_code)

import os

from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

# Plain http is refused by default; leave this out with https.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
issuer, api_url = os.environ["ISSUER"], os.environ["API_URL"]
client_id, client_secret = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]

session = OAuth2Session(client=BackendApplicationClient(client_id, scope="jobs:read"))
session.fetch_token(f"{issuer}/oauth/token", auth=HTTPBasicAuth(client_id, client_secret))
print(session.get(f"{api_url}/jobs").status_code)

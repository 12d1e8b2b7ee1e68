import json
import os

import requests
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

issuer = os.environ["ISSUER"]


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        metadata = requests.get(f"{issuer}/.well-known/openid-configuration").json()
        return requests.get(metadata["jwks_uri"]).json()


validator = Validator(issuer, os.environ["RESOURCE"])


def accepts(token):
    try:
        validator.validate_token(validator.authenticate_token(token), ["jobs:read"], None)
        return True
    except Exception:
        return False


tokens = json.loads(os.environ["TOKENS"])
print(json.dumps({name: "accepted" if accepts(token) else "refused" for name, token in tokens.items()}))

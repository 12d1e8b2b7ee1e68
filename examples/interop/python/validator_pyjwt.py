import json
import os

import jwt

issuer = os.environ["ISSUER"]

keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")


def accepts(token):
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token, key, algorithms=["ES256"], audience=os.environ["RESOURCE"], issuer=issuer, options={"require": ["exp"]}
        )
        return "jobs:read" in claims["scope"].split()
    except jwt.PyJWTError:
        return False


tokens = json.loads(os.environ["TOKENS"])
print(json.dumps({name: "accepted" if accepts(token) else "refused" for name, token in tokens.items()}))

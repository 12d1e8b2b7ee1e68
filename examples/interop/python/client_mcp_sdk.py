import asyncio
import os

from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.session import ClientSession
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


class Memory:
    tokens = None
    client_info = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client_info

    async def set_client_info(self, client_info):
        self.client_info = client_info


async def main():
    url = os.environ["MCP_URL"]
    auth = ClientCredentialsOAuthProvider(
        url, Memory(), os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], issuer=os.environ["ISSUER"]
    )
    async with create_mcp_http_client(auth=auth) as http:
        async with streamable_http_client(url, http_client=http) as (read, write, *_):
            async with ClientSession(read, write) as session:
                await session.initialize()
                result = await session.call_tool("count-orders", {"customer": "Ada"})
                print(result.content[0].text)


asyncio.run(main())

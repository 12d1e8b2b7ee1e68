/** The SDK of MCP with the tokens of `@lanyard/token-client`, which it caches, renews and replaces. */
import { TokenClient } from '@lanyard/token-client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, MCP_URL } = process.env;

const tokens = new TokenClient({ issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
const client = new Client({ name: 'agent', version: '1.0.0' });
const fetch = tokens.fetch({ resource: MCP_URL });
await client.connect(new StreamableHTTPClientTransport(new URL(MCP_URL), { fetch }));
const { content } = await client.callTool({ name: 'count-orders', arguments: { customer: 'Ada' } });
console.log(content[0].text);
await client.close();

import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, MCP_URL } = process.env;

const authProvider = new ClientCredentialsProvider({
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  expectedIssuer: ISSUER,
});
const client = new Client({ name: 'agent', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(MCP_URL), { authProvider }));
const { content } = await client.callTool({ name: 'count-orders', arguments: { customer: 'Ada' } });
console.log(content[0].text);
await client.close();

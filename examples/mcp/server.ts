/** An MCP server whose tools need an access token; Streamable HTTP, without sessions. */
import 'reflect-metadata';
import { Controller, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { CurrentAccessToken, RequireScopes, ResourceServerModule, type AccessToken } from '@lanyard/resource-server';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { McpServer } from '@modelcontextprotocol/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

const { ISSUER = 'http://localhost:3000', MCP_URL = 'http://localhost:4003/mcp' } = process.env;

const orders = new Map([
  ['Ada', 3],
  ['Grace', 1],
]);

/** The tools of one request: they know who calls. */
function toolsFor({ clientId, scopes }: AccessToken): McpServer {
  const server = new McpServer({ name: 'orders', version: '1.0.0' });
  server.registerTool(
    'count-orders',
    {
      description: 'Counts the orders of a customer',
      inputSchema: z.object({ customer: z.string().describe('the name of the customer') }),
    },
    ({ customer }) => ({
      content: [{ type: 'text', text: `${clientId} sees ${orders.get(customer) ?? 0} orders of ${customer}` }],
    }),
  );
  // A tool that needs more than the route does is offered only to those who may call it.
  if (scopes.has('orders:write')) {
    server.registerTool('cancel-orders', { description: 'Cancels all orders' }, () => {
      orders.clear();
      return { content: [{ type: 'text', text: `${clientId} cancelled all orders` }] };
    });
  }
  return server;
}

@Controller('mcp')
class McpController {
  /** A request without a token is challenged, and the challenge leads clients to the authorization server, RFC 9728. */
  @Post()
  @RequireScopes('orders:read')
  async handle(
    @CurrentAccessToken() token: AccessToken,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    reply.hijack();
    const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await toolsFor(token).connect(transport);
    await transport.handleRequest(request.raw, reply.raw, request.body);
  }
}

@Module({
  imports: [ResourceServerModule.forRoot({ issuer: ISSUER, resource: MCP_URL, resourceName: 'Orders' })],
  controllers: [McpController],
})
class OrdersModule {}

const app = await NestFactory.create(OrdersModule, new FastifyAdapter());
await app.listen(Number(new URL(MCP_URL).port), '127.0.0.1');

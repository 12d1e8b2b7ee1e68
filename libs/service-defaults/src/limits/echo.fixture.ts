import { Body, Controller, Module, Post } from '@nestjs/common';

@Controller()
class EchoController {
  @Post('echo')
  echo(@Body() body: unknown) {
    return { body };
  }
}

/** `POST /echo` answers with the body of the request. */
@Module({ controllers: [EchoController] })
export class EchoModule {}

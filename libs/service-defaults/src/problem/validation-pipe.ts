import { StandardSchemaValidationPipe } from '@nestjs/common';
import { z } from 'zod';
import { withBoundedFaults } from './bounded-faults.ts';
import { invalid } from './invalid.ts';

/**
 * Validates bodies, queries and parameters by the schemas of their decorators. Validation stops after a hundred faults.
 */
export const validationPipe = (): StandardSchemaValidationPipe => new ValidationPipe({ exceptionFactory: invalid });

class ValidationPipe extends StandardSchemaValidationPipe {
  protected override validate<T>(
    value: unknown,
    schema: { '~standard': z.core.$ZodStandardSchema<z.ZodType> },
    options?: Record<string, unknown>,
  ): ReturnType<z.core.$ZodStandardSchema<z.ZodType<T>>['validate']> {
    const bounded = schema instanceof z.ZodType ? withBoundedFaults(schema) : schema;
    return super.validate<T>(value, bounded, options);
  }
}

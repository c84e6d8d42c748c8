// Types by graphql-codegen from a schema and operations, and the programs that use them checked by TypeScript.
// Given: schema, operations, programs (name -> TypeScript that imports from './types').
import { codegen } from '@graphql-codegen/core';
import * as typescriptPlugin from '@graphql-codegen/typescript';
import * as operationsPlugin from '@graphql-codegen/typescript-operations';
import { buildSchema, parse, validate } from 'graphql';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import ts from 'typescript';

const { schema, operations, programs } = JSON.parse(await text(process.stdin));
const built = buildSchema(schema);
const document = parse(operations);
const problems = validate(built, document).map((error) => error.message);
const scalars = {
  BigInt: 'number',
  Date: 'string',
  DateTime: 'string',
  Decimal: 'string',
  JSON: 'Record<string, unknown>',
  Scalar: 'string | number | boolean',
  Time: 'string',
};
const types = await codegen({
  filename: 'types.ts',
  schema: parse(schema),
  documents: [{ document }],
  config: { strictScalars: true, scalars, enumsAsTypes: true },
  plugins: [{ typescript: {} }, { operations: {} }],
  pluginMap: { typescript: typescriptPlugin, operations: operationsPlugin },
});

const folder = mkdtempSync('generated-');
writeFileSync(join(folder, 'types.ts'), types);
const found = {};
for (const [name, program] of Object.entries(programs)) {
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, program);
  const compiled = ts.createProgram([file], {
    noEmit: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  });
  const diagnostics = ts.getPreEmitDiagnostics(compiled);
  found[name] = diagnostics.map((each) => ts.flattenDiagnosticMessageText(each.messageText, ' '));
}
process.stdout.write(JSON.stringify({ problems, lines: types.split('\n').length, found }));

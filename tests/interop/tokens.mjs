// Reads a JSON list of texts from stdin and prints how many tokens each of them costs.
import { encode } from 'gpt-tokenizer';
let input = '';
for await (const part of process.stdin) input += part;
console.log(JSON.stringify(JSON.parse(input).map((text) => encode(text).length)));

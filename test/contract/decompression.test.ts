/** The decompression contract on node:zlib. */
import { zlibDecompression } from '../../src/adapters/node/decompression.ts';
import { describeDecompression } from './suites/decompression.ts';

describeDecompression('node:zlib', () => zlibDecompression());

/** The compression contract on node:zlib. */
import { zlibCompression } from '../../src/adapters/node/compression.ts';
import { describeCompression } from './suites/compression.ts';

describeCompression('node:zlib', () => zlibCompression());

/** Every test of the workers project runs inside a Durable Object, and its labs on the storage of that. */
import { aroundEach } from 'vitest';
import { labDatabase } from '../consumers/lab-database.ts';
import { emptyDatabase, inObject } from './borrowed-storage.ts';

aroundEach(inObject);
labDatabase.open = async () => emptyDatabase();

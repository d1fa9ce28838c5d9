#!/usr/bin/env bun
console.log('hi', process.versions.bun, process.argv.slice(2));

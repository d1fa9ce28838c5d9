/** The guard of targets: every form of every address that is not public is denied; nothing here is ever connected to. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { targetGuard } from '../../src/alerts/target-guard.ts';
import type { Target } from '../../src/ports/outbound.ts';

const guard = targetGuard({ allowTargets: [] });

const DENIED_URLS: readonly (readonly [what: string, url: string])[] = [
  ['http', 'http://hooks.example.com/'],
  ['another scheme', 'ftp://hooks.example.com/'],
  ['a file', 'file:///etc/passwd'],
  ['no scheme', 'hooks.example.com/x'],
  ['javascript', 'javascript:alert(1)'],
  ['a user', 'https://user@hooks.example.com/'],
  ['a password', 'https://user:pass@hooks.example.com/'],
  ['an empty user', 'https://:pass@hooks.example.com/'],
  ['another port', 'https://hooks.example.com:6379/'],
  ['port 80', 'https://hooks.example.com:80/'],
  ['a fragment', 'https://hooks.example.com/#x'],
  ['a tab within the host', 'https://127.0\t.0.1/'],
  ['a line feed', 'https://hooks.example.com/\nx'],
  ['a backslash', 'https://hooks.example.com\\@127.0.0.1/'],
  ['a NUL', 'https://hooks.example.com/\0'],
  ['loopback', 'https://127.0.0.1/'],
  ['loopback, another', 'https://127.8.9.10/'],
  ['loopback, short', 'https://127.1/'],
  ['loopback, decimal', 'https://2130706433/'],
  ['loopback, hex', 'https://0x7f000001/'],
  ['loopback, hex by part', 'https://0x7f.0x0.0x0.0x1/'],
  ['loopback, octal', 'https://0177.0.0.1/'],
  ['loopback, mixed', 'https://0x7f.1/'],
  ['loopback, full-width', 'https://１２７.０.０.１/'],
  ['loopback, circled', 'https://①②⑦.0.0.1/'],
  ['loopback, ideographic full stops', 'https://127。0。0。1/'],
  ['loopback, trailing dot', 'https://127.0.0.1./'],
  ['loopback, percent-encoded', 'https://%31%32%37.0.0.1/'],
  ['unspecified', 'https://0.0.0.0/'],
  ['unspecified, short', 'https://0/'],
  ['private, 10', 'https://10.1.2.3/'],
  ['private, 172.16', 'https://172.31.255.255/'],
  ['private, 192.168', 'https://192.168.0.1/'],
  ['CGNAT', 'https://100.64.0.1/'],
  ['link-local, where clouds keep credentials', 'https://169.254.169.254/'],
  ['the same, decimal', 'https://2852039166/'],
  ['the same, octal', 'https://0251.0376.0251.0376/'],
  ['Azure', 'https://168.63.129.16/'],
  ['Alibaba', 'https://100.100.100.200/'],
  ['benchmarking', 'https://198.18.0.1/'],
  ['documentation', 'https://192.0.2.1/'],
  ['6to4 relay', 'https://192.88.99.1/'],
  ['multicast', 'https://224.0.0.1/'],
  ['reserved', 'https://240.0.0.1/'],
  ['broadcast', 'https://255.255.255.255/'],
  ['IPv6 loopback', 'https://[::1]/'],
  ['IPv6 loopback, long', 'https://[0:0:0:0:0:0:0:1]/'],
  ['IPv6 unspecified', 'https://[::]/'],
  ['IPv4-mapped loopback', 'https://[::ffff:127.0.0.1]/'],
  ['IPv4-mapped, hex', 'https://[::ffff:7f00:1]/'],
  ['IPv4-mapped public', 'https://[::ffff:8.8.8.8]/'],
  ['IPv4-compatible', 'https://[::127.0.0.1]/'],
  ['IPv4-translated', 'https://[::ffff:0:127.0.0.1]/'],
  ['NAT64', 'https://[64:ff9b::7f00:1]/'],
  ['NAT64, local', 'https://[64:ff9b:1::7f00:1]/'],
  ['6to4', 'https://[2002:7f00:1::]/'],
  ['Teredo', 'https://[2001::1]/'],
  ['ULA', 'https://[fd00::1]/'],
  ['ULA, where AWS keeps credentials', 'https://[fd00:ec2::254]/'],
  ['IPv6 link-local', 'https://[fe80::1]/'],
  ['site-local', 'https://[fec0::1]/'],
  ['IPv6 multicast', 'https://[ff02::1]/'],
  ['IPv6 documentation', 'https://[2001:db8::1]/'],
  ['discard', 'https://[100::1]/'],
  ['unassigned', 'https://[4000::1]/'],
  ['localhost', 'https://localhost/'],
  ['localhost, trailing dot', 'https://localhost./'],
  ['localhost, upper case', 'https://LOCALHOST/'],
  ['under localhost', 'https://a.localhost/'],
  ['under localdomain', 'https://localhost.localdomain/'],
  ['metadata of Google', 'https://metadata.google.internal/'],
  ['metadata of Google, trailing dot', 'https://metadata.google.internal./'],
  ['metadata', 'https://metadata/'],
  ['a bare name', 'https://kubernetes/'],
  ['Kubernetes', 'https://kubernetes.default.svc.cluster.local/'],
  ['Docker', 'https://host.docker.internal/'],
  ['a home network', 'https://router.home.arpa/'],
  ['empty labels', 'https://a..example.com/'],
  ['too long', `https://hooks.example.com/${'x'.repeat(2_100)}`],
];

test.each(DENIED_URLS)('a URL is denied: %s', (_what, url) => {
  expect(guard.target(url)).toHaveProperty('denied');
});

test.each([
  ['https://hooks.example.com/a?b=c', 'hooks.example.com', 443],
  ['https://HOOKS.example.com./a', 'hooks.example.com', 443],
  ['https://hooks.example.com:8443/', 'hooks.example.com', 8443],
  ['https://8.8.8.8/', '8.8.8.8', 443],
  ['https://[2606:4700::1111]/', '2606:4700::1111', 443],
  ['https://bücher.example/', 'xn--bcher-kva.example', 443],
  ['https://internal.example.com/', 'internal.example.com', 443],
])('a public URL is taken: %s', (url, host, port) => {
  expect(guard.target(url)).toMatchObject({ host, port, secure: true, allowed: false });
});

const target = guard.target('https://hooks.example.com/') as Target;

describe('addresses that a name resolves to', () => {
  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '::1',
    '::ffff:127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00::1',
    '64:ff9b::a00:1',
    '0.0.0.0',
    '017.0.0.1',
    '127.1',
    'nonsense',
    '',
  ])('one that is not public denies the name: %s', (address) => {
    expect(guard.addresses(target, [address])).toHaveProperty('denied');
    expect(guard.addresses(target, ['8.8.8.8', address])).toHaveProperty('denied');
    expect(guard.addresses(target, [address, '8.8.8.8'])).toHaveProperty('denied');
  });

  test('public ones are those to connect to', () => {
    expect(guard.addresses(target, ['8.8.8.8', '2606:4700::1111'])).toEqual({ addresses: ['8.8.8.8', '2606:4700::1111'] });
    expect(guard.addresses(target, [])).toHaveProperty('denied');
  });

  test('of all IPv4 addresses outside the public ranges none passes, in any form', () => {
    const privateIpv4 = fc
      .tuple(
        fc.constantFrom(0x0a, 0x7f, 0x00, 0xe0, 0xf0, 0xac10 / 256, 0xc0a8 / 256, 0xa9fe / 256),
        fc.integer({ min: 0, max: 0xffff }),
      )
      .map(([prefix, rest]) => (Math.floor(prefix * 256) * 65_536 + rest) >>> 0);
    const forms: readonly ((number: number) => string)[] = [
      (number) => String(number),
      (number) => `0x${number.toString(16)}`,
      (number) => `0${number.toString(8)}`,
      (number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.'),
      (number) => [24, 16, 8, 0].map((shift) => `0${((number >>> shift) & 255).toString(8)}`).join('.'),
      (number) => [24, 16, 8, 0].map((shift) => `0x${((number >>> shift) & 255).toString(16)}`).join('.'),
      (number) => `[::ffff:${(number >>> 16).toString(16)}:${(number & 65_535).toString(16)}]`,
      (number) => `[64:ff9b::${(number >>> 16).toString(16)}:${(number & 65_535).toString(16)}]`,
      (number) => `[2002:${(number >>> 16).toString(16)}:${(number & 65_535).toString(16)}::]`,
    ];
    fc.assert(
      fc.property(privateIpv4, fc.constantFrom(...forms), (number, form) => {
        expect(guard.target(`https://${form(number)}/`)).toHaveProperty('denied');
      }),
    );
  });
});

describe('what the operator allows', () => {
  const allowing = targetGuard({ allowTargets: ['127.0.0.1', '10.20.0.0/16', 'alertmanager', '[fd00::5]', 'Hooks.Internal.'] });

  test.each([
    'http://127.0.0.1:9093/x',
    'https://127.0.0.1/',
    'http://10.20.3.4/',
    'http://alertmanager:9093/',
    'http://[fd00::5]:8080/',
    'http://hooks.internal/',
  ])('is taken, by http and on any port: %s', (url) => {
    expect(allowing.target(url)).toMatchObject({ allowed: true });
  });

  test.each([
    'http://127.0.0.2/',
    'http://10.21.0.1/',
    'https://10.21.0.1/',
    'http://sub.alertmanager/',
    'https://[fd00::6]/',
    'http://u:p@127.0.0.1/',
    'ftp://127.0.0.1/',
  ])('is no more than that: %s', (url) => {
    expect(allowing.target(url)).toHaveProperty('denied');
  });

  test('a name that is allowed is trusted whatever it resolves to, another only where it leads to what is allowed', () => {
    const named = allowing.target('http://alertmanager:9093/') as Target;
    expect(allowing.addresses(named, ['192.168.1.1'])).toEqual({ addresses: ['192.168.1.1'] });
    const stranger = allowing.target('https://hooks.example.com/') as Target;
    expect(allowing.addresses(stranger, ['10.20.0.9'])).toEqual({ addresses: ['10.20.0.9'] });
    expect(allowing.addresses(stranger, ['192.168.1.1'])).toHaveProperty('denied');
  });
});

test.each([
  ['localhost', 587],
  ['10.0.0.1', 587],
  ['0x7f.1', 25],
  ['[::1]', 587],
  ['::1', 587],
  ['smtp.example.com', 6379],
  ['smtp.example.com', 80],
  ['smtp.example.com', 0],
  ['smtp.example.com', Number.NaN],
  ['user@smtp.example.com', 587],
  ['smtp.example.com/x', 587],
  ['smtp.example.com:25', 587],
  ['', 587],
])('a mail server is denied: %s, port %d', (host, port) => {
  expect(guard.mailServer(host, port, false)).toHaveProperty('denied');
});

test('a mail server on the ports of mail is taken', () => {
  expect(guard.mailServer('SMTP.example.com', 465, true)).toMatchObject({ host: 'smtp.example.com', port: 465, secure: true });
});

/** What channels may reach: public addresses by https, and what the operator allows; pure, so that what is denied is tested without asking for it. */
import ipaddr from 'ipaddr.js';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Denial, Target, TargetPolicy } from '../ports/outbound.ts';

export interface TargetGuardOptions {
  /**
   * Host names, addresses, and networks (`10.0.0.0/8`) that may be reached by http, on any port, though they are private: `127.0.0.1` in tests,
   * an own Alertmanager on premises. A name is trusted whatever it resolves to.
   */
  readonly allowTargets: readonly string[];
}

const WEB_PORTS: readonly number[] = [443, 8443];
const MAIL_PORTS: readonly number[] = [25, 465, 587, 2525];

/** Names under which clouds and resolvers hide what is private, whatever they resolve to; with all names under them. */
const DENIED_NAMES = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'lan',
  'home.arpa',
  'in-addr.arpa',
  'ip6.arpa',
  'metadata',
  'instance-data',
  'metadata.google.com',
  'onion',
];

/** Public by their number, private by use: Azure's and Oracle's services for the machine itself. */
const DENIED_ADDRESSES = ['168.63.129.16', '192.0.0.192'];

/** Global unicast of IPv6 begins with 001; ipaddr.js takes for unicast what nobody has assigned, too. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');

type Address = ipaddr.IPv4 | ipaddr.IPv6;

function addressOf(text: string): Address | undefined {
  // A short or octal IPv4 form is another address to another parser: the URL parser has written them out before.
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.isValid(text) ? ipaddr.parse(text) : undefined;
}

/** @returns why an address is not public; undefined where it is. */
function denialOf(address: Address): string | undefined {
  const range = address.range();
  if (range !== 'unicast') return `the address is ${range}, not public`;
  if (address.kind() === 'ipv6' && !address.match(GLOBAL_IPV6)) return 'the address is unassigned, not public';
  return DENIED_ADDRESSES.includes(address.toString()) ? 'the address serves the machine itself' : undefined;
}

/** @returns the host as the URL parser reads it; undefined for what is no host. */
function normalHost(text: string): string | undefined {
  const bare = text.includes(':') && !text.startsWith('[') ? `[${text}]` : text;
  try {
    const url = new URL(`https://${bare}/`);
    if (url.username !== '' || url.password !== '' || url.port !== '' || url.pathname !== '/' || url.search + url.hash !== '') {
      return undefined;
    }
    return bareHost(url.hostname);
  } catch {
    return undefined;
  }
}

function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

interface Allowed {
  host(host: string): boolean;
  address(address: Address): boolean;
}

function allowedBy(entries: readonly string[]): Allowed {
  const networks = entries.filter((entry) => ipaddr.isValidCIDR(entry)).map((entry) => ipaddr.parseCIDR(entry));
  const hosts = entries.filter((entry) => !ipaddr.isValidCIDR(entry)).flatMap((entry) => normalHost(entry) ?? []);
  const addresses = hosts.flatMap((host) => addressOf(host)?.toString() ?? []);
  return {
    host: (host) => hosts.includes(host),
    address: (address) =>
      addresses.includes(address.toString()) ||
      networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits)),
  };
}

function deniedName(host: string): string | undefined {
  if (host.length > 253 || !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(host)) return 'the host is no full name';
  const name = DENIED_NAMES.find((denied) => host === denied || host.endsWith(`.${denied}`));
  return name === undefined ? undefined : `names under ${name} are not public`;
}

/** @returns a policy for tenants' targets; the operator's exceptions are the only ones. */
export function targetGuard(options: TargetGuardOptions): TargetPolicy {
  const allowed = allowedBy(options.allowTargets);

  const checked = (target: Target, ports: readonly number[]): Target | Denial => {
    if (target.allowed) return target;
    if (!ports.includes(target.port)) return { denied: `port ${target.port} is not among ${ports.join(', ')}` };
    const address = addressOf(target.host);
    const denied = address === undefined ? deniedName(target.host) : denialOf(address);
    return denied === undefined ? target : { denied };
  };
  const isAllowed = (host: string): boolean => {
    const address = addressOf(host);
    return allowed.host(host) || (address !== undefined && allowed.address(address));
  };

  return {
    target(text) {
      if (text.length > ALERT_LIMITS.targetUrlLengthMax) return { denied: 'the URL is too long' };
      // The parser drops tabs and line feeds, and takes a backslash for a slash: others would read another host.
      if (/[\x00-\x20\x7f\\]/.test(text)) return { denied: 'the URL holds spaces, control characters or backslashes' };
      if (!URL.canParse(text)) return { denied: 'this is no URL' };
      const url = new URL(text);
      const host = bareHost(url.hostname);
      const secure = url.protocol === 'https:';
      if (!secure && url.protocol !== 'http:') return { denied: 'the URL has to begin with https://' };
      if (url.username !== '' || url.password !== '') return { denied: 'the URL holds a user or password' };
      if (url.hash !== '') return { denied: 'the URL holds a fragment' };
      const ours = isAllowed(host);
      if (!secure && !ours) return { denied: 'the URL has to begin with https://' };
      const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
      return checked({ url: url.href, host, port, secure, allowed: ours }, WEB_PORTS);
    },
    mailServer(text, port, secure) {
      const host = normalHost(text);
      if (host === undefined || host === '') return { denied: 'this is no host' };
      if (!Number.isInteger(port) || port < 1 || port > 65_535) return { denied: 'this is no port' };
      return checked({ url: `smtp://${host}:${port}`, host, port, secure, allowed: isAllowed(host) }, MAIL_PORTS);
    },
    addresses(target, texts) {
      if (texts.length === 0) return { denied: 'the name has no address' };
      for (const text of texts) {
        const address = addressOf(text);
        if (address === undefined) return { denied: 'the name resolves to no address' };
        if (allowed.host(target.host) || allowed.address(address)) continue;
        const denied = denialOf(address);
        if (denied !== undefined) return { denied };
      }
      return { addresses: texts };
    },
  };
}

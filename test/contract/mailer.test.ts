/** Mail by SMTP, on this host. */
import { describeSmtp } from './suites/smtp.ts';

describeSmtp('Node');

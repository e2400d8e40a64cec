/**
 * Configuration of Postfix and Dovecot for the bench: Debian's defaults, without the limits that would decide
 * the result (processes, connections per client, failed-login delays) and without DNS. Nothing is logged but
 * errors, and passwords are in plain text: both are to their advantage. fsync is left
 * as it is by default, where Dovecot syncs messages and not their flags, unless all is to be synced.
 */
import path from 'node:path'
import { outboundAddress, outboundDestinations, outboundDomain } from '../target.ts'

export interface PeerSetup {
  readonly directory: string
  /** How Dovecot keeps mailboxes. */
  readonly format: 'sdbox' | 'mdbox' | 'maildir'
  readonly domain: string
  readonly smtpPort: number
  readonly imapPort: number
  readonly imapsPort: number
  /** Of the servers that mail for others goes to. */
  readonly sinkPort: number
  readonly accounts: number
  readonly password: string
  /** Dovecot promises what Postern does: every change is on disk before its OK. */
  readonly isSynced: boolean
}

/** No account of this number exists: the owner of the mail, as `vmail` is in the manuals. */
export const mailOwner = 5000

export function lmtpSocket(setup: PeerSetup): string {
  return path.join(setup.directory, 'lmtp')
}

export function dovecotConf(setup: PeerSetup): string {
  const { directory, format } = setup
  return `protocols = imap lmtp
listen = 127.0.0.1
base_dir = ${directory}/dovecot-run
state_dir = ${directory}/dovecot-state
instance_name = bench-${setup.imapPort}
log_path = ${directory}/dovecot.log
info_log_path = /dev/null
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
ssl = yes
ssl_cert = <${directory}/certificate.pem
ssl_key = <${directory}/key.pem
mail_location = ${format}:${directory}/mail/%u
mail_uid = ${mailOwner}
mail_gid = ${mailOwner}
mail_fsync = ${setup.isSynced ? 'always' : 'optimized'}
first_valid_uid = ${mailOwner}
mail_max_userip_connections = 100000
default_process_limit = 5000
default_client_limit = 20000
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${directory}/users
}
userdb {
  driver = static
  args = uid=${mailOwner} gid=${mailOwner} home=${directory}/mail/%u allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  service_count = 0
  process_min_avail = 2
  process_limit = 16
  client_limit = 5000
  inet_listener imap {
    port = ${setup.imapPort}
  }
  inet_listener imaps {
    port = ${setup.imapsPort}
    ssl = yes
  }
}
service imap {
  process_min_avail = 4
  process_limit = 5000
  service_count = 1000
}
service lmtp {
  process_min_avail = 4
  unix_listener ${lmtpSocket(setup)} {
    mode = 0666
  }
}
`
}

export function dovecotUsers(setup: PeerSetup): string {
  const line = (number: number) => `${peerAccount(setup, number)}:{PLAIN}${setup.password}\n`
  return Array.from({ length: setup.accounts }, (_, at) => line(at + 1)).join('')
}

export function peerAccount(setup: PeerSetup, number: number): string {
  return `u${number}@${setup.domain}`
}

export function postfixMain(setup: PeerSetup): string {
  const { directory } = setup
  return `compatibility_level = 3.6
queue_directory = ${directory}/queue
data_directory = ${directory}/postfix-data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.${setup.domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = ${setup.domain}
virtual_mailbox_maps = texthash:${directory}/recipients
transport_maps = texthash:${directory}/transport
virtual_transport = lmtp:unix:${lmtpSocket(setup)}
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
lmtp_host_lookup = native
smtp_host_lookup = native
smtpd_tls_security_level = none
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 1000
biff = no
syslog_name = bench-postfix
`
}

export function postfixTransport({ sinkPort }: PeerSetup): string {
  const line = (number: number) => `${outboundDomain(number)} smtp:[${outboundAddress(number)}]:${sinkPort}\n`
  return Array.from({ length: outboundDestinations }, (_, at) => line(at + 1)).join('')
}

export function postfixRecipients(setup: PeerSetup): string {
  return Array.from({ length: setup.accounts }, (_, at) => `${peerAccount(setup, at + 1)} yes\n`).join('')
}

/** Debian's master.cf with the services that this needs, none of them in a chroot. */
export function postfixMaster(setup: PeerSetup): string {
  return `127.0.0.1:${setup.smtpPort} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
}

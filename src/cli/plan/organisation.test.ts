/** An organisation that uses all that accounts, groups, roles, lists and domains can have: a plan for `apply`. */

/** Groups in groups, roles in roles, aliases of each kind, catch-alls, lists on lists: what an organisation has. */
export function organisation(accounts: number): object {
  const address = (name: string, i: number): string =>
    `${name}${i}@${i % 3 === 0 ? 'example.com' : 'example.org'}`
  return {
    MailingList: Array.from({ length: 40 }, (_, i) => ({
      name: address('list', i),
      posting: i % 2 === 0 ? 'members' : 'anyone',
      aliases: i % 4 === 0 ? [{ address: `l${i}@example.org`, description: 'old' }] : [],
      recipients: [...(i > 0 ? [address('list', i - 1)] : []), address('user', i), address('group', i % 20)],
    })),
    Account: [
      ...Array.from({ length: accounts }, (_, i) => ({
        name: address('user', i),
        description: `User ${i}, "Zoë"`,
        aliases: [
          ...(i % 5 === 0
            ? [{ address: `u${i}@example.org` }, { address: `u${i}-*@example.com`, enabled: false }]
            : []),
          ...(i === 7 ? [{ address: '@example.org', description: 'all else' }] : []),
        ],
        memberOf: [address('group', i % 20), ...(i % 7 === 0 ? [address('group', (i + 3) % 20)] : [])],
        roles: i % 50 === 0 ? ['helpdesk', 'user'] : [],
        quotas: { maxDiskQuota: '10 GiB', maxEmails: i },
        allowedIps: i % 100 === 0 ? ['192.0.2.0/24', '2001:db8::/32'] : [],
        timeZone: 'Europe/Berlin',
        subAddressing: i % 9 === 0 ? 'disabled' : 'domain',
        emailAddress: i % 11 === 0 ? `primary${i}@example.org` : undefined,
        enabled: i % 13 !== 0,
      })),
      ...Array.from({ length: 20 }, (_, i) => ({
        type: 'group',
        name: address('group', i),
        memberOf: i > 0 ? [address('group', i - 1)] : [],
      })),
    ],
    Role: [
      { name: 'helpdesk', roles: ['viewer'], enabledPermissions: ['sysAccountUpdate'] },
      { name: 'viewer', description: 'Reads', enabledPermissions: ['sysAccountGet', 'sysAccountQuery'] },
    ],
    Domain: [
      {
        name: 'example.org',
        aliases: ['example.net'],
        maxDiskQuota: '1 TiB',
        catchAllAddress: 'user7@example.org',
      },
      { name: 'example.com', redirectTo: 'old.example' },
      { name: 'old.example', enabled: false },
    ],
  }
}

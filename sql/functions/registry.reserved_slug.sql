-- Not a door: whether a label below the platform's domain is not for tenants. Every tenant's label is a host name that
-- anybody may get by asking, so none may be one that people or programs take for the platform itself. The one list.
create or replace function registry.reserved_slug(label text) returns boolean
    language sql immutable parallel safe set search_path = ''
as $$
    select label = any (array[
        -- Asked for by programs by themselves, in whatever domain a machine is in: whoever answers there decides about its
        -- proxy (WPAD), its mail client (autoconfig, Autodiscover, RFC 6186), its mail's transport (RFC 8461), its keys (OpenPGP
        -- WKD), its tunnel (ISATAP), its directory, its clock, or is taken for the machine itself (RFC 6761).
        'wpad', 'autoconfig', 'autodiscover', 'mta-sts', 'openpgpkey', 'isatap', 'ldap', 'ldaps', 'kerberos', 'kdc', 'krb5', 'dc', 'gc',
        'ntp', 'time', 'localhost', 'broadcasthost', 'local', 'localdomain', 'sip', 'sips', 'stun', 'turn', 'xmpp', 'caldav', 'carddav',
        'webdav', 'dav', 'acme-challenge', 'bimi', 'dkim', 'dmarc', 'spf', 'tlsrpt', 'mpki', 'pki', 'crl', 'ocsp',
        -- Where people give passwords, or think that they do.
        'login', 'log-in', 'logon', 'signin', 'sign-in', 'logout', 'signout', 'sign-out', 'signup', 'sign-up', 'register', 'registration',
        'auth', 'authentication', 'authorize', 'oauth', 'oauth2', 'oidc', 'openid', 'saml', 'sso', 'idp', 'sts', 'id', 'identity',
        'account', 'accounts', 'my', 'me', 'profile', 'user', 'users', 'password', 'passwords', 'reset', 'verify', 'verification', 'confirm',
        'session', 'sessions', 'token', 'tokens', 'mfa', '2fa', 'totp', 'webauthn', 'passkey', 'passkeys', 'secure', 'security', 'ssl', 'vpn',
        'invite', 'invitation', 'invitations', 'join',
        -- Where people pay.
        'billing', 'pay', 'payment', 'payments', 'checkout', 'invoice', 'invoices', 'bank', 'shop', 'store',
        -- The platform speaking for itself.
        'rowhouse', 'platform', 'app', 'apps', 'api', 'apis', 'graphql', 'rpc', 'ws', 'wss', 'webhook', 'webhooks', 'callback', 'gateway', 'proxy',
        'admin', 'admins', 'administrator', 'administration', 'root', 'sysadmin', 'system', 'superuser', 'staff', 'official', 'team',
        'console', 'dashboard', 'panel', 'portal', 'cpanel', 'webmin', 'manage', 'management', 'operator', 'operators', 'internal', 'intranet',
        'support', 'help', 'helpdesk', 'desk', 'contact', 'feedback', 'status', 'health', 'metrics', 'monitor', 'monitoring', 'grafana',
        'prometheus', 'docs', 'doc', 'documentation', 'developer', 'developers', 'about', 'blog', 'news', 'legal', 'privacy', 'terms', 'trust',
        'www', 'web', 'site', 'home', 'host', 'hosting', 'mobile', 'm', 'static', 'cdn', 'assets', 'media', 'images', 'img', 'files', 'file',
        'download', 'downloads', 'upload', 'uploads', 'public', 'private', 'prod', 'production', 'staging', 'stage', 'preview', 'sandbox',
        'db', 'database', 'postgres', 'redis', 'cache', 'queue', 'backup', 'backups', 'git', 'svn', 'ci', 'registry', 'ssh', 'sftp', 'ftp', 'ftps',
        -- Mail, and the names that whoever runs a domain is written to by (RFC 2142): certificates are given out for them.
        'mail', 'email', 'webmail', 'smtp', 'smtps', 'imap', 'imaps', 'pop', 'pop3', 'mx', 'mailer', 'mailer-daemon', 'lists', 'newsletter',
        'bounce', 'bounces', 'postmaster', 'hostmaster', 'webmaster', 'abuse', 'noc', 'info', 'marketing', 'sales', 'noreply', 'no-reply',
        'usenet', 'uucp', 'ssladmin', 'ssladministrator', 'sslwebmaster', 'dns', 'ns'])
        -- Numbered servers, which a zone may have at any time.
        or label ~ '^(ns|dns|mx|smtp|imap|pop|mail|www|web|api|app|cdn|db|vpn|proxy)[0-9]+$'
        -- Labels that say a coding, such as xn--: what they show is another name (RFC 5890 §2.3.1).
        or label ~ '^..--'
$$;
alter function registry.reserved_slug(text) owner to rowhouse_owner;
revoke all on function registry.reserved_slug(text) from public;
grant execute on function registry.reserved_slug(text) to rowhouse_tenancy;

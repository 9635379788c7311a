"""Sign-in: identity providers, LDAP, a trusted header, SCIM, and the accounts that they create."""

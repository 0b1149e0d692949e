//! A token's resource, taken apart.

/// What a token was made for: `[scheme://]host[:port][/path]`, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    /// Whether a scheme stands in front; which one does not matter to Event Hubs.
    pub has_scheme: bool,
    /// The host without its port.
    pub host: &'a str,
    /// The path without slashes around it.
    pub path: &'a str,
}

impl<'a> Scope<'a> {
    pub(super) fn parse(resource: &'a str) -> Self {
        let (has_scheme, rest) = match resource.split_once("://") {
            Some((_, rest)) => (true, rest),
            None => (false, resource),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self {
            has_scheme,
            host: without_port(authority),
            path: path.trim_matches('/'),
        }
    }

    /// `host/path`.
    pub(super) fn without_scheme(&self) -> String {
        if self.path.is_empty() {
            return self.host.to_owned();
        }
        format!("{}/{}", self.host, self.path)
    }

    /// Whether the path is `first` or lies below it.
    pub(super) fn is_below(&self, first: &str) -> bool {
        let segment = self.path.split('/').next().unwrap_or_default();
        segment.eq_ignore_ascii_case(first)
    }

    /// The device, and the module in a module's scope: `devices/{id}[/modules/{id}][/…]`.
    pub(super) fn identity(&self) -> Option<(&'a str, Option<&'a str>)> {
        let mut segments = self.path.split('/');
        let is =
            |segment: Option<&str>, word| segment.is_some_and(|s| s.eq_ignore_ascii_case(word));
        if !is(segments.next(), "devices") {
            return None;
        }
        let device = segments.next().filter(|device| !device.is_empty())?;
        let module = if is(segments.next(), "modules") {
            segments.next()
        } else {
            None
        };
        Some((device, module))
    }
}

fn without_port(authority: &str) -> &str {
    // An IPv6 address stands in brackets, and its colons are no port's.
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_the_sdks_are_taken_apart() {
        for (resource, host, path) in [
            ("localhost", "localhost", ""),
            ("localhost:8443/devices/d", "localhost", "devices/d"),
            ("sb://localhost:5671/entity/", "localhost", "entity"),
            (
                "amqps://127.0.0.1/e/ConsumerGroups/$Default",
                "127.0.0.1",
                "e/ConsumerGroups/$Default",
            ),
            ("[::1]:8443/devices", "[::1]", "devices"),
            ("[::1]", "[::1]", ""),
        ] {
            let scope = Scope::parse(resource);
            assert_eq!((scope.host, scope.path), (host, path), "{resource}");
        }
    }

    #[test]
    fn identities_are_found() {
        let identity = |text| Scope::parse(text).identity();
        assert_eq!(identity("h/devices/d"), Some(("d", None)));
        assert_eq!(identity("h/Devices/d/modules/m/x"), Some(("d", Some("m"))));
        assert_eq!(identity("h/devices"), None);
        assert_eq!(identity("h/devices/"), None);
        assert_eq!(identity("h/messages/events"), None);
    }
}

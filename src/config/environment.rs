//! The process's environment, taken once at the start.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables by name; variables that are not Unicode are left out.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// The words that this process was started with, its own name among them.
    #[must_use]
    pub fn words_of_process() -> Vec<String> {
        std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// A variable's value; an empty one counts as not set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The folder for hubctl's own settings: `HUBCTL_CONFIG_DIR`, or the platform's place for them.
    #[must_use]
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.platform_dir("HUBCTL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "APPDATA")
    }

    /// The folder for what hubctl keeps: `HUBCTL_DATA_DIR`, or the platform's place for it.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.platform_dir(
            "HUBCTL_DATA_DIR",
            "XDG_DATA_HOME",
            ".local/share",
            "LOCALAPPDATA",
        )
    }

    fn platform_dir(
        &self,
        own: &str,
        xdg: &str,
        below_home: &str,
        windows: &str,
    ) -> Option<PathBuf> {
        if let Some(own) = self.variable(own) {
            return Some(PathBuf::from(own));
        }
        let base = if cfg!(windows) {
            PathBuf::from(self.variable(windows)?)
        } else if let Some(xdg) = self
            .variable(xdg)
            .map(PathBuf::from)
            .filter(|xdg| xdg.is_absolute())
        {
            xdg
        } else if cfg!(target_os = "macos") {
            PathBuf::from(self.variable("HOME")?).join("Library/Application Support")
        } else {
            PathBuf::from(self.variable("HOME")?).join(below_home)
        };
        Some(base.join("hubctl"))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

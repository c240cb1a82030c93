//! What a host says of itself.

/// What the program says of itself at `/api/v1/status/{config,flags,runtimeinfo}`: a monitor cannot know.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Description {
    /// The configuration, as YAML. Whoever may query may read it: no secrets.
    pub config_yaml: String,
    /// The flags that the program runs with, and their values.
    pub flags: Vec<(String, String)>,
    /// The directory it runs in.
    pub working_directory: String,
    /// The name of its machine.
    pub hostname: String,
    /// How long, or how much, is kept: `15d`, `512MiB`, `15d or 512MiB`.
    pub storage_retention: String,
}

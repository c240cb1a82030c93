//! The thousand series of a host.

use promethium::model::{Labels, LabelsBuilder};

use super::{MixSeries, Shape, Value};

/// Series of a host.
pub const SERIES_PER_HOST: usize = 1_000;

const MODES: [(&str, f64); 8] = [
    ("idle", 0.8),
    ("iowait", 0.01),
    ("irq", 0.0),
    ("nice", 0.001),
    ("softirq", 0.01),
    ("steal", 0.002),
    ("system", 0.06),
    ("user", 0.11),
];
const DISK: [(&str, f64); 8] = [
    ("reads_completed", 30.0),
    ("writes_completed", 80.0),
    ("read_bytes", 1.2e6),
    ("written_bytes", 4e6),
    ("reads_merged", 2.0),
    ("writes_merged", 25.0),
    ("discards_completed", 0.01),
    ("flush_requests", 0.5),
];
const NETWORK: [(&str, f64); 10] = [
    ("receive_bytes", 9e5),
    ("transmit_bytes", 7e5),
    ("receive_packets", 900.0),
    ("transmit_packets", 800.0),
    ("receive_drop", 0.02),
    ("transmit_drop", 0.002),
    ("receive_errs", 0.0005),
    ("transmit_errs", 0.0002),
    ("receive_multicast", 0.3),
    ("transmit_carrier", 0.0001),
];
const MOUNTS: [&str; 10] = [
    "/",
    "/boot/efi",
    "/var/lib/kubelet",
    "/var/lib/containerd",
    "/var/log",
    "/data/postgres",
    "/data/kafka",
    "/home",
    "/opt/tools",
    "/mnt/shared",
];
const BOUNDS: [&str; 14] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf"];
const HANDLERS: [&str; 20] = [
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/write",
    "/api/v1/labels",
    "/api/v1/series",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/api/v1/targets",
    "/api/v1/metadata",
    "/api/v1/status",
    "/login",
    "/logout",
    "/cart",
    "/cart/items",
    "/checkout",
    "/search",
    "/products",
    "/healthz",
    "/metrics",
    "/static",
];

/// A series before it belongs to a host's fleet.
pub(super) struct Spec {
    labels: Labels,
    shape: Shape,
}

impl Spec {
    pub(super) fn start(self, host: usize, series: usize) -> MixSeries {
        MixSeries { labels: self.labels, value: Value::new(self.shape, host, series) }
    }
}

type Extra = Vec<(&'static str, String)>;
type Family = (String, &'static str, Extra, Shape);

/// The series of host number `host`, histograms bucket by bucket.
pub(super) fn host_series(host: usize) -> impl Iterator<Item = Spec> {
    let mut families = machine(host);
    families.extend(service());
    families.extend(containers(host));
    let missing = SERIES_PER_HOST.checked_sub(families.len()).expect("a host has no more series than that");
    families.extend((0..missing).map(sensor));
    families
        .into_iter()
        .map(move |(name, job, extra, shape)| Spec { labels: with_host(host, &name, job, extra), shape })
}

fn with_host(host: usize, name: &str, job: &str, extra: Extra) -> Labels {
    let zone = char::from(b'a' + (host % 3) as u8);
    let mut labels = LabelsBuilder::new();
    labels.set("__name__", name);
    labels.set("job", job);
    labels.set("instance", &format!("ip-10-32-{}-{}.eu-west-1.compute.internal:9100", host / 250, host % 250));
    labels.set("cluster", "production-eu-west-1-primary");
    labels.set("region", "eu-west-1");
    labels.set("zone", &format!("eu-west-1{zone}"));
    labels.set("environment", "production");
    labels.set("team", ["platform-infrastructure", "payments", "search-and-discovery"][host % 3]);
    for (key, value) in extra {
        labels.set(key, &value);
    }
    labels.build()
}

fn machine(host: usize) -> Vec<Family> {
    let node = |name: String, extra: Extra, shape| (name, "node-exporter", extra, shape);
    let mut all = Vec::new();
    for cpu in 0..16 {
        all.extend(MODES.map(|(mode, rate)| {
            let extra = vec![("cpu", format!("{cpu}")), ("mode", mode.to_owned())];
            let shape = if rate == 0.0 { Shape::Constant(0.0) } else { Shape::Ticks(rate) };
            node("node_cpu_seconds_total".into(), extra, shape)
        }));
    }
    let counter = |rate: f64| if rate < 1.0 { Shape::Sparse(rate) } else { Shape::Counter(rate) };
    for disk in 0..8 {
        let extra = || vec![("device", format!("nvme{disk}n1"))];
        all.extend(DISK.map(|(what, rate)| node(format!("node_disk_{what}_total"), extra(), counter(rate))));
    }
    for device in 0..8 {
        let name = if device < 2 { format!("eth{device}") } else { format!("veth{:07x}", host * 8 + device) };
        all.extend(NETWORK.map(|(what, rate)| {
            node(format!("node_network_{what}_total"), vec![("device", name.clone())], counter(rate))
        }));
    }
    for (i, mount) in MOUNTS.iter().enumerate() {
        let extra = || {
            let device = ("device", format!("/dev/mapper/vg0-lv{i}"));
            vec![device, ("fstype", "ext4".to_owned()), ("mountpoint", (*mount).to_owned())]
        };
        all.push(node("node_filesystem_avail_bytes".into(), extra(), Shape::Walk(4096.0 * 64.0)));
        all.push(node("node_filesystem_free_bytes".into(), extra(), Shape::Walk(4096.0 * 64.0)));
        all.push(node("node_filesystem_size_bytes".into(), extra(), Shape::Constant(5e11)));
        all.push(node("node_filesystem_files_free".into(), extra(), Shape::Walk(3.0)));
    }
    for (what, shape) in memory() {
        all.push(node(format!("node_memory_{what}_bytes"), Vec::new(), shape));
    }
    for load in ["node_load1", "node_load5", "node_load15"] {
        all.push(node(load.into(), Vec::new(), Shape::Gauge(4.0)));
    }
    all
}

fn memory() -> Vec<(String, Shape)> {
    let moving = ["MemFree", "MemAvailable", "Buffers", "Cached", "Active", "Inactive", "Dirty", "Slab", "Mapped"];
    let fixed = ["MemTotal", "SwapTotal", "SwapFree", "CommitLimit", "VmallocTotal", "Hugepagesize"];
    let pages = moving.map(|what| (what.to_owned(), Shape::Walk(4096.0 * 900.0)));
    pages.into_iter().chain(fixed.map(|what| (what.to_owned(), Shape::Constant(1.3e11)))).collect()
}

fn service() -> Vec<Family> {
    let web = |name: &str, extra: Extra, shape| (name.to_owned(), "web-frontend", extra, shape);
    let mut all = Vec::new();
    for (i, handler) in HANDLERS.iter().enumerate() {
        let at = || vec![("handler", (*handler).to_owned()), ("method", "GET".to_owned())];
        let busy = 40.0 / (i + 1) as f64;
        for (j, bound) in BOUNDS.iter().enumerate() {
            let mut extra = at();
            extra.push(("le", (*bound).to_owned()));
            all.push(web("http_request_duration_seconds_bucket", extra, Shape::Bucket(busy / (1 << (j / 2)) as f64)));
        }
        all.push(web("http_request_duration_seconds_sum", at(), Shape::Sum));
        all.push(web("http_request_duration_seconds_count", at(), Shape::Count));
        for (code, share) in [("200", 1.0), ("404", 0.05), ("500", 0.01)] {
            let mut extra = at();
            extra.push(("code", code.to_owned()));
            all.push(web("http_requests_total", extra, Shape::Counter(busy * share)));
        }
    }
    all
}

fn containers(host: usize) -> Vec<Family> {
    let mut all = Vec::new();
    for i in 0..36 {
        let extra = || {
            let pod =
                format!("deployment-{:02}-{:010x}-{:05x}", i % 12, 0x5bd1_e995_u64 * (i + 1), host * 36 + i as usize);
            let container = format!("container-{}", i % 4);
            vec![("pod", pod), ("container", container), ("namespace", format!("namespace-{}", i % 6))]
        };
        let cadvisor = |name: &str, shape| (name.to_owned(), "kubelet", extra(), shape);
        all.push(cadvisor("container_cpu_usage_seconds_total", Shape::Ticks(0.3)));
        all.push(cadvisor("container_memory_working_set_bytes", Shape::Walk(4096.0 * 50.0)));
        all.push(cadvisor("container_memory_rss", Shape::Walk(4096.0 * 50.0)));
        all.push(cadvisor("container_network_receive_bytes_total", Shape::Counter(2e4)));
        all.push(cadvisor("container_fs_writes_total", Shape::Sparse(0.02)));
        all.push(cadvisor("container_spec_cpu_shares", Shape::Constant(1024.0)));
    }
    all
}

fn sensor(i: usize) -> Family {
    let extra = vec![("chip", format!("platform_coretemp_{}", i / 16)), ("sensor", format!("temp{}", i % 16))];
    let shape = if i.is_multiple_of(2) { Shape::Gauge(48.0) } else { Shape::Precise(48.0) };
    ("node_hwmon_temp_celsius".into(), "node-exporter", extra, shape)
}

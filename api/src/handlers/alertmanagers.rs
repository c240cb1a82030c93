//! `/alertmanagers`.

use promethium_model::Annotations;

use super::Context;
use crate::error::ApiError;
use crate::json::{Object, push_array};
use crate::request::ApiRequest;

/// Where alerts go.
pub(crate) fn alertmanagers(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let all = context.host.alertmanagers();
    let mut object = Object::open(data);
    push_array(object.key("activeAlertmanagers"), &all.active, |out, url| push_url(out, url));
    push_array(object.key("droppedAlertmanagers"), &all.dropped, |out, url| push_url(out, url));
    object.close();
    Ok(Annotations::new())
}

fn push_url(out: &mut String, url: &str) {
    let mut object = Object::open(out);
    object.string("url", url);
    object.close();
}

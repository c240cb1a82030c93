//! `/status/buildinfo`.

use promethium_model::Annotations;

use super::Context;
use crate::error::ApiError;
use crate::json::Object;
use crate::request::ApiRequest;

/// What the host is. No `features`: a client that finds some takes the server for another product.
pub(crate) fn build_info(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let info = context.host.build_info();
    let mut object = Object::open(data);
    object.string("version", &info.version);
    object.string("revision", &info.revision);
    object.string("branch", &info.branch);
    object.string("buildUser", &info.build_user);
    object.string("buildDate", &info.build_date);
    object.string("goVersion", &info.go_version);
    object.close();
    Ok(Annotations::new())
}

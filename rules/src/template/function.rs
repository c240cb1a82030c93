//! The functions that a template may call, and what they take.

/// What a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// Anything, `nil` included.
    Any,
    Text,
    Samples,
    Sample,
}

impl Parameter {
    /// Go's name of the type.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Parameter::Any => "interface {}",
            Parameter::Text => "string",
            Parameter::Samples => "template.queryResult",
            Parameter::Sample => "*template.sample",
        }
    }
}

/// Parameters of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    pub(super) fixed: &'static [Parameter],
    /// Of any number of further arguments.
    pub(super) rest: Option<Parameter>,
}

impl Signature {
    /// What argument number `i` must be.
    pub(super) fn parameter(&self, i: usize) -> Parameter {
        self.fixed.get(i).copied().or(self.rest).unwrap_or(Parameter::Any)
    }
}

macro_rules! functions {
    ($($id:ident $name:literal ($($fixed:ident),*) $(.. $rest:ident)?;)*) => {
        /// A function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function { $($id,)* }

        impl Function {
            pub(super) fn named(name: &str) -> Option<Function> {
                match name {
                    $($name => Some(Function::$id),)*
                    _ => None,
                }
            }

            pub(super) fn name(self) -> &'static str {
                match self { $(Function::$id => $name,)* }
            }

            pub(super) fn signature(self) -> Signature {
                match self {
                    $(Function::$id => Signature {
                        fixed: &[$(Parameter::$fixed),*],
                        rest: None $(.or(Some(Parameter::$rest)))?,
                    },)*
                }
            }
        }
    };
}

functions! {
    // Of Go's language.
    And "and" (Any) ..Any;
    Call "call" (Any) ..Any;
    Eq "eq" (Any) ..Any;
    Ge "ge" (Any, Any);
    Gt "gt" (Any, Any);
    Html "html" () ..Any;
    Index "index" (Any) ..Any;
    Js "js" () ..Any;
    Le "le" (Any, Any);
    Len "len" (Any);
    Lt "lt" (Any, Any);
    Ne "ne" (Any, Any);
    Not "not" (Any);
    Or "or" (Any) ..Any;
    Print "print" () ..Any;
    Printf "printf" (Text) ..Any;
    Println "println" () ..Any;
    Slice "slice" (Any) ..Any;
    UrlQuery "urlquery" () ..Any;
    // Of Prometheus.
    Args "args" () ..Any;
    ExternalUrl "externalURL" ();
    First "first" (Samples);
    GraphLink "graphLink" (Text);
    Humanize "humanize" (Any);
    Humanize1024 "humanize1024" (Any);
    HumanizeDuration "humanizeDuration" (Any);
    HumanizePercentage "humanizePercentage" (Any);
    HumanizeTimestamp "humanizeTimestamp" (Any);
    Label "label" (Text, Sample);
    Match "match" (Text, Text);
    Now "now" ();
    ParseDuration "parseDuration" (Text);
    PathPrefix "pathPrefix" ();
    Query "query" (Text);
    ReReplaceAll "reReplaceAll" (Text, Text, Text);
    SafeHtml "safeHtml" (Text);
    SortByLabel "sortByLabel" (Text, Samples);
    StripDomain "stripDomain" (Text);
    StripPort "stripPort" (Text);
    StrValue "strvalue" (Sample);
    TableLink "tableLink" (Text);
    Title "title" (Text);
    ToDuration "toDuration" (Any);
    ToLower "toLower" (Text);
    ToTime "toTime" (Any);
    ToUpper "toUpper" (Text);
    UrlQueryEscape "urlQueryEscape" (Text);
    Value "value" (Sample);
}

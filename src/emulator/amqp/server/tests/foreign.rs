//! The same server as `fe2o3-amqp` sees it: a stack that somebody else wrote.

use fe2o3_amqp::connection::{Connection as Client, ConnectionHandle};
use fe2o3_amqp::link::ReceiverAttachError;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::{Session, SessionHandle};
use fe2o3_amqp::types::definitions::{AmqpError, ErrorCondition, LinkError, SenderSettleMode};
use fe2o3_amqp::types::messaging::annotations::AnnotationKey;
use fe2o3_amqp::types::messaging::{
    AmqpValue, ApplicationProperties, Body, Data, Message, Properties, Source,
};
use fe2o3_amqp::types::primitives::{SimpleValue, Symbol, Value};
use fe2o3_amqp::{Receiver, Sender};

use super::*;

const PARTITION: &str = "ehub/ConsumerGroups/$Default/Partitions/0";

async fn connect(hub: &HubHandle, profile: SaslProfile) -> ConnectionHandle<()> {
    let (Peer { stream, .. }, _task) = serve(hub, 64 * 1024);
    Client::builder()
        .container_id("fe2o3")
        .hostname("localhost")
        .scheme("amqp")
        .sasl_profile(profile)
        .max_frame_size(1_000)
        .idle_time_out(60_000_u32)
        .open_with_stream(stream)
        .await
        .unwrap()
}

async fn put_token(session: &mut SessionHandle<()>, token: String) -> i32 {
    let mut sender = Sender::attach(session, "cbs-s", "$cbs").await.unwrap();
    let mut receiver = Receiver::attach(session, "cbs-r", "$cbs").await.unwrap();
    let properties = ApplicationProperties::builder()
        .insert("operation", "put-token")
        .insert("type", SAS_TOKEN_TYPE)
        .insert("name", "sb://localhost/ehub")
        .build();
    let request = Message::builder()
        .properties(Properties::builder().message_id(7_u64).build())
        .application_properties(properties)
        .body(AmqpValue(Value::String(token)))
        .build();
    sender.send(request).await.unwrap();
    let reply = receiver.recv::<Body<Value>>().await.unwrap();
    receiver.accept(&reply).await.unwrap();
    let properties = reply.message().application_properties.as_ref().unwrap();
    let Some(SimpleValue::Int(status)) = properties.get("status-code") else {
        panic!("{properties:?}")
    };
    let status = *status;
    sender.close().await.unwrap();
    receiver.close().await.unwrap();
    status
}

fn raw(scope: &str) -> String {
    token(&SigningKey::raw(&Secret::new(KEY)).unwrap(), scope)
}

fn partition() -> Source {
    Source::builder().address(PARTITION).build()
}

async fn read_all(session: &mut SessionHandle<()>, mode: SenderSettleMode, count: usize) {
    let mut receiver = Receiver::builder()
        .name("reader")
        .source(partition())
        .sender_settle_mode(mode)
        .credit_mode(CreditMode::Auto(3))
        .attach(session)
        .await
        .unwrap();
    for number in 0..count {
        let delivery = receiver.recv::<Body<Value>>().await.unwrap();
        receiver.accept(&delivery).await.unwrap();
        let message = delivery.message();
        let annotations = message.message_annotations.as_ref().unwrap();
        let sequence_number = annotations.get(&"x-opt-sequence-number" as &dyn AnnotationKey);
        let number = i64::try_from(number).unwrap();
        assert_eq!(sequence_number, Some(&Value::Long(number)));
        let Body::Data(data) = &message.body else {
            panic!()
        };
        assert_eq!(
            data.iter().map(|Data(bytes)| bytes.len()).sum::<usize>(),
            5_000
        );
    }
    receiver.close().await.unwrap();
}

#[tokio::test]
async fn a_foreign_client_reads_in_either_settle_mode() {
    let hub = start_hub();
    post(&hub, 20, 5_000).await;
    let work = async {
        let mut connection = connect(&hub, SaslProfile::Anonymous).await;
        let mut session = Session::begin(&mut connection).await.unwrap();
        assert_eq!(
            put_token(&mut session, raw("sb://localhost/ehub")).await,
            202
        );
        read_all(&mut session, SenderSettleMode::Settled, 20).await;
        read_all(&mut session, SenderSettleMode::Unsettled, 20).await;
        read_all(&mut session, SenderSettleMode::Mixed, 20).await;
        session.end().await.unwrap();
        connection.close().await.unwrap();
        assert!(takes_five(&hub).await);
    };
    timeout(PATIENCE, work).await.unwrap();
}

/// What a receiver is told that may not attach. Each time on a connection of its own: `fe2o3-amqp` 0.18 sometimes answers
/// a refusal twice, and gives the session up over it.
async fn refusal(
    hub: &HubHandle,
    shown: Option<(String, i32)>,
    address: &str,
) -> fe2o3_amqp::types::definitions::Error {
    let mut connection = connect(hub, SaslProfile::Anonymous).await;
    let mut session = Session::begin(&mut connection).await.unwrap();
    if let Some((token, status)) = shown {
        assert_eq!(put_token(&mut session, token).await, status);
    }
    let refused = Receiver::attach(&mut session, "early", address).await;
    let ReceiverAttachError::RemoteClosedWithError(error) = refused.unwrap_err() else {
        panic!("closed without an error")
    };
    error
}

#[tokio::test]
async fn a_foreign_client_hears_why_not_and_where_instead() {
    let hub = start_hub();
    let work = async {
        let unauthorized = ErrorCondition::AmqpError(AmqpError::UnauthorizedAccess);
        let error = refusal(&hub, None, PARTITION).await;
        assert_eq!(error.condition, unauthorized);
        let error = refusal(&hub, Some((raw("sb://localhost/other"), 401)), PARTITION).await;
        assert_eq!(error.condition, unauthorized);
        let decoded = SigningKey::decoded(&Secret::new(KEY)).unwrap();
        let shown = Some((token(&decoded, "localhost"), 200));
        let error = refusal(&hub, shown, "messages/events/").await;
        assert_eq!(
            error.condition,
            ErrorCondition::LinkError(LinkError::Redirect)
        );
        let info = error.info.unwrap();
        let address = info.get(&Symbol::from("address"));
        let expected = Value::String("amqps://localhost:5671/ehub/".to_owned());
        assert_eq!(address, Some(&expected));
    };
    timeout(PATIENCE, work).await.unwrap();
}

#[tokio::test]
async fn a_foreign_client_logs_in_with_plain() {
    let hub = start_hub();
    post(&hub, 2, 5_000).await;
    let work = async {
        let profile = SaslProfile::Plain {
            username: "owner".to_owned(),
            password: KEY.to_owned(),
        };
        let mut connection = connect(&hub, profile).await;
        let mut session = Session::begin(&mut connection).await.unwrap();
        read_all(&mut session, SenderSettleMode::Mixed, 2).await;
        connection.close().await.unwrap();
    };
    timeout(PATIENCE, work).await.unwrap();
}

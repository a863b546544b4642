use crate::support::processes::Holdpoint;
use crate::support::world::{Agent, Site};

#[tokio::test]
async fn one_replica_without_redis_approves_and_rejects() {
    let replica = Holdpoint::start("", None).await;
    let site = Site::asking([&replica, &replica]).await;
    let reviewer = replica.reviewer();
    let ready = reviewer.ready().await;
    assert_eq!(ready["store"]["kind"], "embedded", "{ready}");

    let approved = site.migrates(Agent::Modern, "v3");
    reviewer.approves(&reviewer.sees_one().await).await;
    approved.answer().await.migrated("v2", "v3");

    let rejected = site.migrates(Agent::Modern, "v4");
    reviewer.rejects(&reviewer.sees_one().await, "v3 is enough").await;
    let answer = rejected.answer().await;
    answer.denied("rejected");
    assert!(answer.text.contains("v3 is enough"), "{answer:?}");
    assert_eq!(site.migrations().await, ["v3"]);
}

//! Containers, and what pods are made of.

use std::time::Duration;

use holm_core::{Input, IntoResource, Sensitive};
use holm_resources::{
    ClaimTemplate, Container, Cpu, Deployment, EnvSource, ImagePullPolicy, Keyed, Memory, Mount, PodOptions,
    PodSecurityContext, Port, Probe, SecurityContext, StatefulSet, Volume,
};
use k8s_openapi::api::core::v1 as core;

use super::{Given, lowered};

/// The pod spec of a Deployment with one container.
fn pod(container: Container) -> String {
    spec_of(Deployment::new("shop").container(container))
}

fn spec_of(deployment: Deployment) -> String {
    let declaration = deployment.into_declaration();
    assert_eq!(declaration.problems, []);
    serde_saphyr::to_string(&declaration.object["spec"]["template"]["spec"]).unwrap()
}

#[test]
fn variables_come_from_text_keys_and_fields_in_the_order_given() {
    let given = Given::new();
    let container = Container::new("server", "example.org/shop:1")
        .env("MODE", given.settings.key("mode"))
        .env("PASSWORD", given.credentials.key("password").optional())
        .env("ADDRESS", EnvSource::field("status.podIP"))
        .env("MEMORY", EnvSource::resource("limits.memory"))
        .env("URL", "http://$(ADDRESS)")
        .env_from(&given.settings)
        .env_from_prefixed("DB_", &given.credentials);
    insta::assert_snapshot!(pod(container), @"
    containers:
    - env:
      - name: MODE
        valueFrom:
          configMapKeyRef:
            key: mode
            name: settings
      - name: PASSWORD
        valueFrom:
          secretKeyRef:
            key: password
            name: credentials
            optional: true
      - name: ADDRESS
        valueFrom:
          fieldRef:
            fieldPath: status.podIP
      - name: MEMORY
        valueFrom:
          resourceFieldRef:
            resource: limits.memory
      - name: URL
        value: http://$(ADDRESS)
      envFrom:
      - configMapRef:
          name: settings
      - prefix: DB_
        secretRef:
          name: credentials
      image: example.org/shop:1
      name: server
    ");
}

#[test]
fn a_mount_brings_its_volume_and_equal_ones_are_shared() {
    let given = Given::new();
    let sidecar = Container::new("logs", "example.org/logs:1").mount("/data", given.data.volume().read_only());
    let server = Container::new("server", "example.org/shop:1")
        .mount("/data", &given.data)
        .mount("/etc/shop", given.settings.volume().items([("server.conf", "shop.conf")]))
        .mount("/etc/mode", given.settings.volume().sub_path("mode"))
        .mount("/run/secrets", given.credentials.volume().mode(0o400).optional())
        .mount("/tmp", Volume::empty_dir("tmp").in_memory().limit("64Mi"));
    insta::assert_snapshot!(spec_of(Deployment::new("shop").container(server).sidecar(sidecar)), @"
    containers:
    - image: example.org/shop:1
      name: server
      volumeMounts:
      - mountPath: /data
        name: data
      - mountPath: /etc/shop
        name: settings
      - mountPath: /etc/mode
        name: settings-2
        subPath: mode
      - mountPath: /run/secrets
        name: credentials
      - mountPath: /tmp
        name: tmp
    initContainers:
    - image: example.org/logs:1
      name: logs
      restartPolicy: Always
      volumeMounts:
      - mountPath: /data
        name: data
        readOnly: true
    volumes:
    - name: data
      persistentVolumeClaim:
        claimName: data
    - configMap:
        items:
        - key: server.conf
          path: shop.conf
        name: settings
      name: settings
    - configMap:
        name: settings
      name: settings-2
    - name: credentials
      secret:
        defaultMode: 256
        optional: true
        secretName: credentials
    - emptyDir:
        medium: Memory
        sizeLimit: 64Mi
      name: tmp
    ");
}

#[test]
fn any_volume_of_kubernetes_can_be_mounted() {
    let volume = core::Volume {
        name: "host".to_owned(),
        host_path: Some(core::HostPathVolumeSource { path: "/var/log".to_owned(), type_: None }),
        ..core::Volume::default()
    };
    let container = Container::new("logs", "example.org/logs:1").mount("/logs", Volume::plain(volume).read_only());
    insta::assert_snapshot!(pod(container), @"
    containers:
    - image: example.org/logs:1
      name: logs
      volumeMounts:
      - mountPath: /logs
        name: host
        readOnly: true
    volumes:
    - hostPath:
        path: /var/log
      name: host
    ");
}

#[test]
fn probes_ask_ports_by_name() {
    let (http, grpc) = (Port::tcp("http", 8080), Port::tcp("grpc", 9000));
    let container = Container::new("server", "example.org/shop:1")
        .port(&http)
        .port(&grpc)
        .port(&Port::udp("dns", 53))
        .startup(Probe::grpc(&grpc).initial_delay(Duration::from_secs(1)).failure_threshold(60))
        .readiness(Probe::http("/ready", &http).period(Duration::from_secs(5)).success_threshold(2))
        .liveness(Probe::tcp(&http).timeout(Duration::from_secs(3)));
    insta::assert_snapshot!(pod(container), @"
    containers:
    - image: example.org/shop:1
      livenessProbe:
        tcpSocket:
          port: http
        timeoutSeconds: 3
      name: server
      ports:
      - containerPort: 8080
        name: http
        protocol: TCP
      - containerPort: 9000
        name: grpc
        protocol: TCP
      - containerPort: 53
        name: dns
        protocol: UDP
      readinessProbe:
        httpGet:
          path: /ready
          port: http
        periodSeconds: 5
        successThreshold: 2
      startupProbe:
        failureThreshold: 60
        grpc:
          port: 9000
        initialDelaySeconds: 1
    ");
}

#[test]
fn a_container_has_a_command_resources_and_limits_on_what_it_may_do() {
    let container = Container::new("server", "example.org/shop:1")
        .command(["/bin/shop"])
        .args(["--listen", "80"])
        .working_dir("/srv")
        .image_pull_policy(ImagePullPolicy::Always)
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(512))
        .limit_of("ephemeral-storage", "1Gi")
        .security(
            SecurityContext::restricted().run_as(70, 70).read_only_root_filesystem().add_capability("NET_BIND_SERVICE"),
        )
        .pre_stop(["sleep", "5"])
        .patch(|container| container.tty = Some(true));
    insta::assert_snapshot!(pod(container), @r#"
    containers:
    - args:
      - --listen
      - "80"
      command:
      - /bin/shop
      image: example.org/shop:1
      imagePullPolicy: Always
      lifecycle:
        preStop:
          exec:
            command:
            - sleep
            - "5"
      name: server
      resources:
        limits:
          cpu: 500m
          ephemeral-storage: 1Gi
          memory: 512Mi
        requests:
          cpu: 100m
          memory: 128Mi
      securityContext:
        allowPrivilegeEscalation: false
        capabilities:
          add:
          - NET_BIND_SERVICE
          drop:
          - ALL
        readOnlyRootFilesystem: true
        runAsGroup: 70
        runAsNonRoot: true
        runAsUser: 70
        seccompProfile:
          type: RuntimeDefault
      tty: true
      workingDir: /srv
    "#);
}

#[test]
fn pods_have_their_own_options() {
    let given = Given::new();
    let toleration = core::Toleration { operator: Some("Exists".to_owned()), ..core::Toleration::default() };
    let deployment = Deployment::new("shop")
        .init_container(Container::new("migrate", "example.org/migrate:1"))
        .container(Container::new("server", "example.org/shop:1"))
        .service_account(&given.account)
        .automount_service_account_token(false)
        .termination_grace_period(Duration::from_secs(120))
        .security(PodSecurityContext::restricted().run_as(70, 70).fs_group(70))
        .node_selector("kubernetes.io/arch", "arm64")
        .toleration(toleration)
        .priority_class("high")
        .host_alias("10.0.0.1", ["old.example.org"])
        .image_pull_secret(&given.credentials)
        .patch_pod(|pod| pod.enable_service_links = Some(false));
    insta::assert_snapshot!(spec_of(deployment), @r#"
    automountServiceAccountToken: false
    containers:
    - image: example.org/shop:1
      name: server
    enableServiceLinks: false
    hostAliases:
    - hostnames:
      - old.example.org
      ip: "10.0.0.1"
    imagePullSecrets:
    - name: credentials
    initContainers:
    - image: example.org/migrate:1
      name: migrate
    nodeSelector:
      kubernetes.io/arch: arm64
    priorityClassName: high
    securityContext:
      fsGroup: 70
      fsGroupChangePolicy: OnRootMismatch
      runAsGroup: 70
      runAsNonRoot: true
      runAsUser: 70
      seccompProfile:
        type: RuntimeDefault
    serviceAccountName: robot
    terminationGracePeriodSeconds: 120
    tolerations:
    - operator: Exists
    "#);
}

#[test]
fn values_that_come_later_stand_at_their_path() {
    let given = Given::new();
    let address = given.data.field("spec.volumeName");
    let container = Container::new("server", Input::template("example.org/shop:{tag}", [("tag", Input::from("7"))]))
        .args(["--volume".into(), address.clone(), Input::from(Sensitive::from("hunter2"))])
        .env("KNOWN", Input::from("text"))
        .env("VOLUME", &address)
        .env("TOKEN", Sensitive::from("hunter2".to_owned()));
    let deployment = Deployment::new("shop")
        .init_container(Container::new("wait", "example.org/wait:1").env("VOLUME", address.clone()))
        .container(container)
        .pod_annotation("example.org/volume", address);
    insta::assert_snapshot!(lowered(deployment), @r#"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      labels:
        app: shop
      name: shop
    spec:
      selector:
        matchLabels:
          app: shop
      template:
        metadata:
          labels:
            app: shop
        spec:
          containers:
          - args:
            - --volume
            - ""
            - ""
            env:
            - name: KNOWN
              value: text
            - name: VOLUME
            - name: TOKEN
            image: example.org/shop:7
            name: server
          initContainers:
          - env:
            - name: VOLUME
            image: example.org/wait:1
            name: wait
    later spec.template.metadata.annotations["example.org/volume"]: (known after apply)
    later spec.template.spec.containers[server].args[1]: (known after apply)
    later spec.template.spec.containers[server].args[2]: (sensitive)
    later spec.template.spec.containers[server].env[TOKEN].value: (sensitive)
    later spec.template.spec.containers[server].env[VOLUME].value: (known after apply)
    later spec.template.spec.initContainers[wait].env[VOLUME].value: (known after apply)
    "#);
}

#[test]
fn a_stateful_set_has_the_claims_that_its_containers_mount() {
    let data = ClaimTemplate::new("data").read_write_once().request("1Gi").storage_class("fast");
    let store = StatefulSet::new("store").replicas(3).service_name("store").parallel().partition(2).container(
        Container::new("server", "example.org/store:1")
            .mount("/data", &data)
            .mount("/log", data.volume().sub_path("log")),
    );
    insta::assert_snapshot!(lowered(store), @"
    apiVersion: apps/v1
    kind: StatefulSet
    metadata:
      labels:
        app: store
      name: store
    spec:
      podManagementPolicy: Parallel
      replicas: 3
      selector:
        matchLabels:
          app: store
      serviceName: store
      template:
        metadata:
          labels:
            app: store
        spec:
          containers:
          - image: example.org/store:1
            name: server
            volumeMounts:
            - mountPath: /data
              name: data
            - mountPath: /log
              name: data
              subPath: log
      updateStrategy:
        rollingUpdate:
          partition: 2
        type: RollingUpdate
      volumeClaimTemplates:
      - apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: data
        spec:
          accessModes:
          - ReadWriteOnce
          resources:
            requests:
              storage: 1Gi
          storageClassName: fast
    ");
}

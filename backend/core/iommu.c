// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU core's own state in a machine: drivers' probes, devices, faults and the journal.
 *
 * Device order is the order of discovery and decides the group numbers. The fault list and the
 * journal are bounded: the oldest entry makes room, as in the kernel's log buffer.
 */
#include "core/iommu.h"

#include <errno.h>
#include <stdlib.h>

#include "core/iommu_priv.h"

int iommu_init(struct iommu *iommu)
{
	struct iommu_priv *priv = fail_calloc("iommu.init", 1, sizeof(*priv));

	if (!priv)
		return -ENOMEM;
	priv->devices_tail = &priv->devices;
	iommu->priv = priv;
	if (!iommu->personality)
		iommu->personality = personality_find(NULL);
	return 0;
}

void iommu_devices_drop(struct iommu *iommu)
{
	struct iommu_priv *priv = iommu->priv;
	struct iommu_group *group, *next_group;
	struct iommu_device *dev, *next;

	/* A domain can go only when no device is on it any more. */
	for (dev = priv->devices; dev; dev = dev->next) {
		if (dev->driver && dev->driver->release)
			dev->driver->release(dev);
	}
	for (group = priv->groups; group; group = next_group) {
		next_group = group->next;
		iommu_group_destroy(group);
	}
	for (dev = priv->devices; dev; dev = next) {
		next = dev->next;
		iommu_iopf_discard(dev);
		free(dev);
	}
	priv->groups = NULL;
	priv->devices = NULL;
	priv->devices_tail = &priv->devices;
}

void iommu_fini(struct iommu *iommu)
{
	fail_plan_clear(&iommu->inject);
	if (!iommu->priv)
		return;
	iommu_devices_drop(iommu);
	free(iommu->priv->journal);
	free(iommu->priv);
	iommu->priv = NULL;
}

void iommu_reset(struct iommu *iommu)
{
	struct iommu_priv *priv = iommu->priv;

	iommu_devices_drop(iommu);
	sio_assert(!priv->domains && !priv->probes);
	priv->next_domain = 0;
	priv->fault_first = priv->fault_count = 0;
	priv->faults_dropped = 0;
	priv->notice_first = priv->notice_count = 0;
	priv->journal_count = 0;
}

/* ---- drivers and devices ---- */

void iommu_probe_add(struct iommu *iommu, struct iommu_probe *probe)
{
	struct iommu_probe **link = &iommu->priv->probes;

	while (*link)
		link = &(*link)->next;
	probe->next = NULL;
	*link = probe;
}

void iommu_probe_remove(struct iommu *iommu, struct iommu_probe *probe)
{
	struct iommu_probe **link;

	if (!iommu->priv)
		return;
	for (link = &iommu->priv->probes; *link; link = &(*link)->next) {
		if (*link == probe) {
			*link = probe->next;
			return;
		}
	}
}

/* Offer the device to the drivers. No driver is no error: its DMA is not translated. */
static int device_probe(struct iommu_device *dev)
{
	struct iommu *iommu = dev->iommu;

	dev->unit = dma_fabric_route(iommu->fabric, dev->pci->segment, pci_requester_id(dev->pci));
	if (!dev->unit)
		return 0;
	for (struct iommu_probe *probe = iommu->priv->probes; probe; probe = probe->next) {
		int rc = probe->device(probe->ctx, dev);

		if (rc != -ENODEV)
			return rc;
	}
	return 0;
}

int iommu_device_add(struct iommu *iommu, struct pci_function *fn, struct iommu_device **out)
{
	struct iommu_priv *priv = iommu->priv;
	struct iommu_device *dev = fail_calloc("iommu.device.add", 1, sizeof(*dev));
	int rc;

	if (!dev)
		return -ENOMEM;
	dev->pci = fn;
	dev->iommu = iommu;
	rc = device_probe(dev);
	if (rc)
		goto err_free;
	if (dev->driver) {
		rc = iommu_group_join(dev);
		if (rc)
			goto err_release;
	}
	*priv->devices_tail = dev;
	priv->devices_tail = &dev->next;
	*out = dev;
	return 0;

err_release:
	if (dev->driver->release)
		dev->driver->release(dev);
err_free:
	free(dev);
	return rc;
}

struct iommu_device *iommu_device_find(const struct iommu *iommu, uint16_t segment, uint16_t rid)
{
	struct iommu_device *dev = iommu->priv->devices;

	while (dev && (!dev->pci || dev->pci->segment != segment || dev->pci->rid != rid))
		dev = dev->next;
	return dev;
}

/* ---- faults ---- */

void iommu_fault_report(struct iommu *iommu, const struct iommu_fault *fault)
{
	struct iommu_priv *priv = iommu->priv;

	if (priv->fault_count == IOMMU_FAULTS_MAX) {
		priv->fault_first = (priv->fault_first + 1) % IOMMU_FAULTS_MAX;
		priv->fault_count--;
		priv->faults_dropped++;
	}
	priv->faults[(priv->fault_first + priv->fault_count++) % IOMMU_FAULTS_MAX] = *fault;
}

bool iommu_fault_next(struct iommu *iommu, struct iommu_fault *fault)
{
	struct iommu_priv *priv = iommu->priv;

	if (!priv->fault_count)
		return false;
	*fault = priv->faults[priv->fault_first];
	priv->fault_first = (priv->fault_first + 1) % IOMMU_FAULTS_MAX;
	priv->fault_count--;
	return true;
}

uint64_t iommu_faults_dropped(const struct iommu *iommu)
{
	return iommu->priv->faults_dropped;
}

/* ---- notices ---- */

void iommu_notice(struct iommu *iommu, const char *text)
{
	struct iommu_priv *priv = iommu->priv;

	if (priv->notice_count < IOMMU_NOTICES_MAX)
		priv->notices[(priv->notice_first + priv->notice_count++) % IOMMU_NOTICES_MAX] =
			text;
}

const char *iommu_notice_next(struct iommu *iommu)
{
	struct iommu_priv *priv = iommu->priv;
	const char *text = priv->notices[priv->notice_first];

	if (!priv->notice_count)
		return NULL;
	priv->notice_first = (priv->notice_first + 1) % IOMMU_NOTICES_MAX;
	priv->notice_count--;
	return text;
}

/* ---- journal ---- */

void iommu_journal_add(struct iommu *iommu, const struct iommu_journal_entry *entry)
{
	struct iommu_priv *priv = iommu->priv;

	if (!iommu->strict)
		return;
	/* Without memory there is no journal: reports then lack the history, nothing else. */
	if (!priv->journal)
		priv->journal = nofail_calloc("a record for reports, which no kernel keeps",
					      IOMMU_JOURNAL_MAX, sizeof(*priv->journal));
	if (priv->journal)
		priv->journal[priv->journal_count++ % IOMMU_JOURNAL_MAX] = *entry;
}

bool iommu_journal_find(const struct iommu *iommu, iova_t iova, struct iommu_journal_entry *map,
			struct iommu_journal_entry *unmap)
{
	const struct iommu_priv *priv = iommu->priv;
	uint64_t kept = priv->journal_count;
	bool have_unmap = false;

	*map = *unmap = (struct iommu_journal_entry){0};
	if (kept > IOMMU_JOURNAL_MAX)
		kept = IOMMU_JOURNAL_MAX;
	for (uint64_t i = 1; i <= kept; i++) {
		const struct iommu_journal_entry *entry =
			&priv->journal[(priv->journal_count - i) % IOMMU_JOURNAL_MAX];

		if (iova < entry->first || iova > entry->last)
			continue;
		if (!have_unmap && entry->unmap) {
			*unmap = *entry;
			have_unmap = true;
		} else if (have_unmap && !entry->unmap && entry->domain == unmap->domain) {
			*map = *entry;
			break;
		}
	}
	return have_unmap;
}

/* ---- audit ---- */

static const char *devices_audit(const struct iommu *iommu)
{
	for (const struct iommu_device *dev = iommu->priv->devices; dev; dev = dev->next) {
		const struct iommu_device *member;

		if (!dev->driver != (!dev->group || dev->group->bare))
			return "a device has an IOMMU's group exactly when a driver serves it";
		if (!dev->group)
			continue;
		for (member = dev->group->devices; member != dev; member = member->next_in_group) {
			if (!member)
				return "a device's group does not list the device";
		}
	}
	return NULL;
}

/* Groups whose current domain this is, and PASIDs of groups. */
static unsigned domain_users(const struct iommu *iommu, const struct iommu_domain *domain)
{
	unsigned users = 0;

	for (const struct iommu_group *group = iommu->priv->groups; group; group = group->next)
		users += group->domain == domain;
	for (const struct iommu_group *group = iommu->priv->groups; group; group = group->next)
		for (unsigned i = 0; i < group->pasid_count; i++)
			users += group->pasids[i].domain == domain;
	return users;
}

const char *iommu_audit(const struct iommu *iommu)
{
	const struct iommu_priv *priv = iommu->priv;
	const char *what = devices_audit(iommu);

	for (const struct iommu_group *group = priv->groups; group && !what; group = group->next)
		what = iommu_group_audit(group);
	for (const struct iommu_domain *domain = priv->domains; domain && !what;
	     domain = domain->next) {
		if (domain_users(iommu, domain) != domain->attached)
			return "a domain's count of users is not the number of groups and PASIDs "
			       "on it";
		what = iommu_domain_audit(domain);
	}
	return what;
}

bool iommu_device_has_ats(const struct iommu_device *dev)
{
	return dev->pci && dev->pci->ats;
}
